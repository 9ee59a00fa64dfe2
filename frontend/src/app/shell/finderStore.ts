import { createSpotlight } from "@mantine/spotlight";

/** "Find or do": one store, opened from the sidebar, a phone's tab and ⌘K. */
export const [finderStore, finder] = createSpotlight();

export function openFinder(): void {
  finder.open();
}
