import { SORTS, type Sort } from "./order";

/** What the fleet page keeps in the address bar. */
export interface FleetSearch {
  q?: string;
  sort?: Sort;
  view?: "table";
}

export function fleetSearch(raw: Record<string, unknown>): FleetSearch {
  const search: FleetSearch = {};
  if (raw.q !== undefined && raw.q !== "") search.q = String(raw.q);
  if (typeof raw.sort === "string" && raw.sort in SORTS && raw.sort !== "state") search.sort = raw.sort as Sort;
  if (raw.view === "table") search.view = "table";
  return search;
}
