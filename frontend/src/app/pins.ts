import { create } from "zustand";
import { persist } from "zustand/middleware";

interface Pins {
  ids: string[];
  toggle(id: string): void;
}

/** Agents that stay in the sidebar; remembered in this browser. */
export const usePins = create<Pins>()(
  persist(
    (set, get) => ({
      ids: [],
      toggle: (id) => {
        const { ids } = get();
        set({ ids: ids.includes(id) ? ids.filter((other) => other !== id) : [...ids, id] });
      },
    }),
    { name: "muster.pins", partialize: ({ ids }) => ({ ids }) },
  ),
);
