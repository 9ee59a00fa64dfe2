import { create } from "zustand";

interface DialogState {
  /** The address that a command is to be pushed to; null while the dialog is closed. */
  push: string | null;
  join: boolean;
  openPush(to: string): void;
  openJoin(): void;
  close(): void;
}

/** Dialogs that several pages and the finder open. */
export const useDialogs = create<DialogState>((set) => ({
  push: null,
  join: false,
  openPush: (to) => set({ push: to, join: false }),
  openJoin: () => set({ join: true, push: null }),
  close: () => set({ push: null, join: false }),
}));
