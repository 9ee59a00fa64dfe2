import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useCallback } from "react";
import { NewConversation } from "../../features/conversation/components/NewConversation";
import { sessionQuery } from "../../features/session/api/session";

/** Where a conversation begins. */
export function NewConversationPage() {
  const { to = "", text = "" } = useSearch({ from: "/console/conversations/new" });
  const navigate = useNavigate();
  const session = useQuery(sessionQuery);
  const begun = useCallback(
    (conversationId: string) =>
      void navigate({ to: "/conversations/$conversationId", params: { conversationId }, replace: true }),
    [navigate],
  );
  return (
    <NewConversation
      to={to}
      text={text}
      name={session.data?.name ?? "you"}
      onTo={(next) => void navigate({ to: "/conversations/new", search: { to: next }, replace: true })}
      onBegun={begun}
    />
  );
}
