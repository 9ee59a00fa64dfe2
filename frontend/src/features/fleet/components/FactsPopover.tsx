import { Popover } from "@mantine/core";
import { Age } from "../../../clock/Age";
import { Facts } from "../../../components/facts/Facts";
import { Why } from "../../../components/facts/Why";
import { StateWord } from "../../../components/text/StateWord";
import type { AgentView } from "../../../live/wire.gen";
import classes from "./FactsPopover.module.css";

/** Why an agent is in its state: the four facts that Muster can prove, each with its time. */
export function FactsPopover({ agent }: { agent: AgentView }) {
  const { presence } = agent;
  return (
    <Popover
      opened
      position="bottom-start"
      offset={8}
      width={330}
      middlewares={{ flip: true, shift: true }}
      trapFocus={false}
    >
      <Popover.Target>
        <span className={classes.anchor} aria-hidden="true" />
      </Popover.Target>
      <Popover.Dropdown className={classes.pop ?? ""}>
        <div className={classes.why}>
          <StateWord state={presence.state} strong /> for <Age since={presence.since} as="precise" />
          {presence.reason && (
            <span>
              , <Why agent={agent} />
            </span>
          )}
        </div>
        <Facts presence={presence} />
      </Popover.Dropdown>
    </Popover>
  );
}
