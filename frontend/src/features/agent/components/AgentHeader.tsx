import { ActionIcon, Menu, Tooltip } from "@mantine/core";
import { IconDots, IconMessage2, IconPin, IconPinFilled, IconTrash } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { BriefButton } from "../../../components/page/BriefButton";
import { PageHeader } from "../../../components/page/PageHeader";
import { Id } from "../../../components/text/Id";
import type { AgentView } from "../../../live/wire.gen";
import { stateColor } from "../../../theme/states";
import classes from "./Agent.module.css";

interface Props {
  agent: AgentView;
  isPinned: boolean;
  onPin(): void;
  onChat(): void;
  onRetire(): void;
}

/** Where one is, and what one can do with the agent. */
export function AgentHeader({ agent, isPinned, onPin, onChat, onRetire }: Props) {
  const before = (
    <>
      <Link to="/fleet" className={classes.crumb}>
        Fleet
      </Link>
      <span className={classes.crumb} aria-hidden="true">
        /
      </span>
    </>
  );
  return (
    <PageHeader
      before={before}
      title={agent.description.name}
      beside={
        <span className={classes.wide}>
          <Id id={agent.id} what="the agent's id" />
        </span>
      }
    >
      <BriefButton variant="subtle" name="Chat" sign={<IconMessage2 size={14} stroke={1.5} />} onClick={onChat} />
      <Tooltip label={isPinned ? "Take it out of the sidebar" : "Pin it to the sidebar"}>
        <ActionIcon aria-label="Pin" aria-pressed={isPinned} onClick={onPin}>
          {isPinned ? <IconPinFilled size={14} stroke={1.5} /> : <IconPin size={14} stroke={1.5} />}
        </ActionIcon>
      </Tooltip>
      <Menu position="bottom-end">
        <Menu.Target>
          <ActionIcon aria-label="More">
            <IconDots size={16} stroke={1.5} />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item
            leftSection={<IconTrash size={14} stroke={1.5} />}
            style={{ color: stateColor.failed }}
            onClick={onRetire}
          >
            Retire this agent…
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
    </PageHeader>
  );
}
