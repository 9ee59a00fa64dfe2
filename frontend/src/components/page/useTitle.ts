import { useEffect } from "react";

/** Names the tab: "Fleet · Muster". */
export function useTitle(title: string): void {
  useEffect(() => {
    document.title = title ? `${title} · Muster` : "Muster";
  }, [title]);
}
