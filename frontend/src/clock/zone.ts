import { create } from "zustand";
import { persist } from "zustand/middleware";
import type { Zone } from "../format/moment";

interface ZoneChoice {
  zone: Zone;
  toggle(): void;
}

/** Whether times are shown in the local zone or in UTC; remembered. */
export const useZone = create<ZoneChoice>()(
  persist(
    (set, get) => ({
      zone: "local",
      toggle: () => set({ zone: get().zone === "local" ? "utc" : "local" }),
    }),
    { name: "muster.zone", partialize: ({ zone }) => ({ zone }) },
  ),
);
