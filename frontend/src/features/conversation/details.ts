import { create } from "zustand";
import { persist } from "zustand/middleware";

interface Details {
  /** Beside the thread, on wide screens; remembered. */
  inline: boolean;
  /** Over the thread, on narrow ones. */
  drawer: boolean;
  toggle(): void;
  close(): void;
}

const isWide = (): boolean => matchMedia("(min-width: 75em)").matches;

/** Whether the panel with what belongs to a conversation is shown. */
export const useDetails = create<Details>()(
  persist(
    (set, get) => ({
      inline: true,
      drawer: false,
      toggle: () => (isWide() ? set({ inline: !get().inline }) : set({ drawer: !get().drawer })),
      close: () => set({ drawer: false }),
    }),
    { name: "muster.details", partialize: ({ inline }) => ({ inline }) },
  ),
);
