import { useMantineColorScheme } from "@mantine/core";
import { IconMessage2, IconMessagePlus, IconMoonStars, IconPlus, IconTerminal } from "@tabler/icons-react";
import { useNavigate } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { Tally } from "../../components/tally/Tally";
import { withoutMarks } from "../../features/conversation/withoutMarks";
import { useConversations, useFleet } from "../../live/hooks";
import type { AgentView } from "../../live/wire.gen";
import { STATE_ORDER, stateWord } from "../../theme/states";
import { useDialogs } from "../dialogStore";
import type { Found } from "./finding";
import { PLACES } from "./nav";

export interface Findable extends Found {
  sign: ReactNode;
  go(): void;
}

const icon = { size: 16, stroke: 1.5 };

const byNeed = (a: AgentView, b: AgentView): number =>
  STATE_ORDER.indexOf(a.presence.state) - STATE_ORDER.indexOf(b.presence.state) ||
  a.description.name.localeCompare(b.description.name, "en", { numeric: true });

function useActions(): Findable[] {
  const navigate = useNavigate();
  const { openPush, openJoin } = useDialogs();
  const { toggleColorScheme } = useMantineColorScheme();
  const chat = () => void navigate({ to: "/conversations/new" });
  return [
    { id: "chat", group: "Do", label: "Start a conversation", sign: <IconMessagePlus {...icon} />, go: chat },
    { id: "push", group: "Do", label: "Push a command", sign: <IconTerminal {...icon} />, go: () => openPush("") },
    { id: "join", group: "Do", label: "Add an agent", sign: <IconPlus {...icon} />, go: openJoin },
    {
      id: "scheme",
      group: "Do",
      label: "Switch dark and light",
      sign: <IconMoonStars {...icon} />,
      go: toggleColorScheme,
    },
  ];
}

/** All that can be found or done from everywhere. */
export function useFindable(): Findable[] {
  const navigate = useNavigate();
  const agents = Object.values(useFleet() ?? {}).sort(byNeed);
  const conversations = Object.values(useConversations() ?? {});
  const actions = useActions();
  return [
    ...PLACES.map(
      (place): Findable => ({
        id: place.to,
        group: "Pages",
        label: place.name,
        sign: <place.icon {...icon} />,
        go: () => void navigate({ to: place.to }),
      }),
    ),
    ...actions,
    ...agents.map(
      ({ id, description, presence }): Findable => ({
        id,
        group: "Agents",
        label: description.name,
        description: `${stateWord[presence.state]}, ${description.machine.hostname}`,
        words: [...description.skills, ...Object.entries(description.labels).map((pair) => pair.join("="))].join(" "),
        sign: <Tally state={presence.state} facts={presence} silent />,
        go: () => void navigate({ to: "/agents/$agentId", params: { agentId: id } }),
      }),
    ),
    ...conversations
      .sort((a, b) => (a.updated_at < b.updated_at ? 1 : -1))
      .map(
        ({ id, title, preview }): Findable => ({
          id,
          group: "Conversations",
          label: title || "A conversation",
          description: withoutMarks(preview),
          sign: <IconMessage2 {...icon} />,
          go: () => void navigate({ to: "/conversations/$conversationId", params: { conversationId: id } }),
        }),
      ),
  ];
}
