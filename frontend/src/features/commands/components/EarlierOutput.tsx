import { Button } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { asProblem } from "../../../http/problem";
import { type CommandData, withEarlierOutput } from "../../../live/commandData";
import { useLiveClient } from "../../../live/LiveProvider";
import { eventsAfter, OUTPUT_PAGE } from "../api/commands";
import classes from "./Console.module.css";

/** The way to output before what is shown: a subscription begins with the latest events. */
export function EarlierOutput({ data }: { data: CommandData }) {
  const client = useLiveClient();
  const { id } = data.command;
  const after = Math.max(0, data.firstSeq - 1 - OUTPUT_PAGE);
  const load = useMutation({
    mutationFn: () => eventsAfter(id, after, data.firstSeq - 1 - after),
    onSuccess: ({ items }) =>
      client.amend(`command:${id}`, (state) =>
        state.data?.kind === "command" ? { ...state, data: withEarlierOutput(state.data, items, after) } : state,
      ),
  });
  if (data.firstSeq <= 1) return null;
  return (
    <div className={classes.earlier}>
      <span>
        {load.isError
          ? `Earlier output could not be read: ${asProblem(load.error).detail}`
          : "There is earlier output."}
      </span>
      <Button size="xs" loading={load.isPending} onClick={() => load.mutate()}>
        Show more
      </Button>
    </div>
  );
}
