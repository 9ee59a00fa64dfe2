import { useQueryClient } from "@tanstack/react-query";
import { useLocation, useNavigate, useSearch } from "@tanstack/react-router";
import { sessionQuery } from "../../features/session/api/session";
import { LoginPage } from "../../features/session/components/LoginPage";

/** The way in. */
export function LoginRoute() {
  const { ended = false } = useSearch({ from: "/login" });
  const fragment = useLocation({ select: ({ hash }) => hash });
  const queries = useQueryClient();
  const navigate = useNavigate();
  return (
    <LoginPage
      fragment={fragment}
      ended={ended}
      onLoggedIn={(session) => {
        queries.clear();
        queries.setQueryData(sessionQuery.queryKey, session);
        void navigate({ to: "/fleet", replace: true });
      }}
    />
  );
}
