import { Button } from "@mantine/core";
import { Empty } from "../../../components/pictures/Empty";
import type { DeadLetterState } from "../../../live/wire.gen";

interface Props {
  state: DeadLetterState;
  isFiltered: boolean;
  onClear(): void;
}

const NONE: Record<DeadLetterState, [title: string, words: string]> = {
  waiting: [
    "No dead letters wait",
    "A message that nobody can take comes here with its reason, to be mended, sent again or dropped.",
  ],
  replayed: ["Nothing was sent again", "What is sent again is listed here for 30 days."],
  dropped: ["Nothing was dropped", "What is dropped is listed here for 30 days."],
};

/** An empty list, and what would be in it. */
export function NoLetters({ state, isFiltered, onClear }: Props) {
  const [title, words] = NONE[state];
  if (!isFiltered) return <Empty title={title}>{words}</Empty>;
  return (
    <Empty title="No dead letter matches" action={<Button onClick={onClear}>Clear the filter</Button>}>
      None that is {state} has this reason, queue and agent.
    </Empty>
  );
}
