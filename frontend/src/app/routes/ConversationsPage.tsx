import { IconPlus } from "@tabler/icons-react";
import { useNavigate } from "@tanstack/react-router";
import { BriefButton } from "../../components/page/BriefButton";
import { PageHeader } from "../../components/page/PageHeader";
import { useTitle } from "../../components/page/useTitle";
import { Empty } from "../../components/pictures/Empty";
import { ConversationList } from "../../features/conversation/components/ConversationList";
import { useKeys } from "../../keys/useKeys";

function move(by: number): void {
  const rows = [...document.querySelectorAll<HTMLElement>("[data-conversation]")];
  const here = rows.indexOf(document.activeElement as HTMLElement);
  rows[Math.min(rows.length - 1, Math.max(0, here + by))]?.focus();
}

/** All conversations, the latest first. */
export function ConversationsPage() {
  useTitle("Conversations");
  const navigate = useNavigate();
  const begin = () => void navigate({ to: "/conversations/new" });
  useKeys({ j: () => move(1), k: () => move(-1) });
  const start = <BriefButton name="New conversation" sign={<IconPlus size={14} stroke={1.5} />} onClick={begin} />;
  return (
    <>
      <PageHeader title="Conversations">{start}</PageHeader>
      <ConversationList
        empty={
          <Empty title="No conversations yet" action={start}>
            Say something to an agent, and it will be here.
          </Empty>
        }
      />
    </>
  );
}
