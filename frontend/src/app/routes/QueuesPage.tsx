import { useNavigate, useSearch } from "@tanstack/react-router";
import { QueuesView } from "../../features/queues/components/QueuesView";

/** The queues, and the dead letters. */
export function QueuesPage() {
  const search = useSearch({ from: "/console/queues" });
  const navigate = useNavigate({ from: "/queues" });
  return <QueuesView search={search} onSearch={(next, typed) => void navigate({ search: next, replace: typed })} />;
}
