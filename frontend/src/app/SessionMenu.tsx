import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { logOut, sessionQuery } from "../features/session/api/session";
import { UserMenu } from "../features/session/components/UserMenu";

/** The menu of whoever is logged in. */
export function SessionMenu() {
  const session = useQuery(sessionQuery);
  const queries = useQueryClient();
  const navigate = useNavigate();
  if (!session.data) return null;
  const leave = async () => {
    await logOut().catch(() => undefined);
    queries.clear();
    await navigate({ to: "/login" });
  };
  return <UserMenu name={session.data.name} role={session.data.role} onLogOut={() => void leave()} />;
}
