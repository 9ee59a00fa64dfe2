import { Button, Modal } from "@mantine/core";
import type { UseMutationResult } from "@tanstack/react-query";
import { ProblemNote } from "../../../components/pictures/ProblemNote";
import { counted } from "../../../format/words";
import { asProblem } from "../../../http/problem";
import { stateColor } from "../../../theme/states";
import type { Outcome, Wish } from "../useHandling";
import classes from "./Room.module.css";

interface Props {
  wish: Pick<Wish, "action">;
  /** How many it is about; null when only the server knows. */
  number: number | null;
  handling: Pick<UseMutationResult<Outcome, Error, Wish>, "isPending" | "error">;
  onConfirm(): void;
  onClose(): void;
}

const WORDS = {
  replay: {
    verb: "Replay",
    says: "Each goes again to the queue where it died, or to the broker where its address was changed, with the id that it had: what arrived already is not done twice.",
  },
  drop: {
    verb: "Drop",
    says: "They cannot be sent any more. Their content can be read for 30 days, and who dropped them is written down.",
  },
};

/** Says what happens before it happens; the button names it. */
export function ConfirmDialog({ wish, number, handling, onConfirm, onClose }: Props) {
  const { verb, says } = WORDS[wish.action];
  const what = number === null ? "all that match" : counted(number, "message");
  return (
    <Modal opened onClose={onClose} title={`${verb} ${what}?`} size={460}>
      <p className={classes.says}>{says}</p>
      {handling.error && <ProblemNote problem={asProblem(handling.error)} />}
      <div className={classes.buttons}>
        <Button size="md" variant="subtle" onClick={onClose} data-autofocus>
          Leave {number === 1 ? "it" : "them"}
        </Button>
        <Button
          size="md"
          loading={handling.isPending}
          style={wish.action === "drop" ? { color: stateColor.failed } : undefined}
          onClick={onConfirm}
        >
          {verb} {what}
        </Button>
      </div>
    </Modal>
  );
}
