import { useMantineColorScheme } from "@mantine/core";
import { Spotlight, type SpotlightActionData, type SpotlightActionGroupData } from "@mantine/spotlight";
import { IconMessagePlus, IconMoonStars, IconPlus, IconSearch, IconTerminal } from "@tabler/icons-react";
import { useNavigate } from "@tanstack/react-router";
import { Tally } from "../../components/tally/Tally";
import { useConversations, useFleet } from "../../live/hooks";
import { stateWord } from "../../theme/states";
import { useDialogs } from "../dialogStore";
import classes from "./Finder.module.css";
import { finderStore } from "./finderStore";
import { PLACES } from "./nav";

const icon = { size: 16, stroke: 1.5 };

function useAgents(): SpotlightActionData[] {
  const fleet = useFleet();
  const navigate = useNavigate();
  return Object.values(fleet ?? {}).map(({ id, description, presence }) => ({
    id,
    label: description.name,
    description: `${stateWord[presence.state]}, ${description.machine.hostname}`,
    keywords: [...description.skills, ...Object.entries(description.labels).map(([key, value]) => `${key}=${value}`)],
    leftSection: <Tally state={presence.state} facts={presence} silent />,
    onClick: () => void navigate({ to: "/agents/$agentId", params: { agentId: id } }),
  }));
}

function useChats(): SpotlightActionData[] {
  const conversations = useConversations();
  const navigate = useNavigate();
  return Object.values(conversations ?? {}).map(({ id, title, preview }) => ({
    id,
    label: title || "A conversation",
    description: preview,
    onClick: () => void navigate({ to: "/conversations/$conversationId", params: { conversationId: id } }),
  }));
}

function useActions(): SpotlightActionData[] {
  const navigate = useNavigate();
  const { openPush, openJoin } = useDialogs();
  const { toggleColorScheme } = useMantineColorScheme();
  return [
    {
      id: "chat",
      label: "Start a conversation",
      leftSection: <IconMessagePlus {...icon} />,
      onClick: () => void navigate({ to: "/conversations/new" }),
    },
    { id: "push", label: "Push a command", leftSection: <IconTerminal {...icon} />, onClick: () => openPush("") },
    { id: "join", label: "Add an agent", leftSection: <IconPlus {...icon} />, onClick: openJoin },
    {
      id: "scheme",
      label: "Switch dark and light",
      leftSection: <IconMoonStars {...icon} />,
      onClick: toggleColorScheme,
    },
  ];
}

/** Pages, agents, conversations and actions under one key. */
export function Finder() {
  const navigate = useNavigate();
  const agents = useAgents();
  const chats = useChats();
  const pages = PLACES.map((place) => ({
    id: place.to,
    label: place.name,
    leftSection: <place.icon {...icon} />,
    onClick: () => void navigate({ to: place.to }),
  }));
  const groups: SpotlightActionGroupData[] = [
    { group: "Pages", actions: pages },
    { group: "Do", actions: useActions() },
    { group: "Agents", actions: agents },
    { group: "Conversations", actions: chats },
  ];
  return (
    <Spotlight
      store={finderStore}
      actions={groups}
      shortcut="mod + K"
      limit={12}
      nothingFound="Nothing is called that."
      scrollable
      maxHeight={420}
      shadow="mu"
      radius="lg"
      transitionProps={{ duration: 120 }}
      overlayProps={{ backgroundOpacity: 0.5, blur: 0 }}
      classNames={{
        content: classes.content ?? "",
        action: classes.action ?? "",
        actionsGroup: classes.group ?? "",
        actionDescription: classes.description ?? "",
        actionsList: classes.list ?? "",
        search: classes.search ?? "",
      }}
      searchProps={{
        leftSection: <IconSearch {...icon} aria-hidden="true" />,
        placeholder: "Find or do",
        "aria-label": "Find or do",
      }}
    />
  );
}
