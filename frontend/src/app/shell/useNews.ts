import { useQuery } from "@tanstack/react-query";
import { countsQuery } from "../../features/queues/api/letters";
import type { Place } from "./nav";

/** How often the navigation asks whether dead letters wait. */
const EVERY_MS = 10_000;

/** How many things wait for a person at a place; only where some do. */
export function useNews(): Partial<Record<Place["to"], number>> {
  const { data } = useQuery(countsQuery("waiting", EVERY_MS));
  return data && data.total > 0 ? { "/queues": data.total } : {};
}
