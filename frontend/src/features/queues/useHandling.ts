import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type Action, handleAll, handleLetter, LETTERS } from "./api/letters";
import type { Filter } from "./search";

/** What a person wants to be done: with some dead letters, or with all that match. */
export type Wish = { action: Action } & ({ ids: string[] } | { filter: Filter });

export interface Outcome {
  done: number;
  /** Those that could not be handled, and why the first of them could not. */
  failed: string[];
  error: unknown;
}

async function handle(wish: Wish): Promise<Outcome> {
  if ("filter" in wish) return { done: await handleAll(wish.action, wish.filter), failed: [], error: null };
  const outcome: Outcome = { done: 0, failed: [], error: null };
  for (const id of wish.ids) {
    try {
      await handleLetter(wish.action, id);
      outcome.done += 1;
    } catch (error) {
      outcome.failed.push(id);
      outcome.error ??= error;
    }
  }
  return outcome;
}

/** Replays or drops; what is on the page is read again afterwards, however it ended. */
export function useHandling(onDone: (outcome: Outcome) => void) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: handle,
    onSuccess: onDone,
    onSettled: () =>
      Promise.all([
        queries.invalidateQueries({ queryKey: LETTERS }),
        queries.invalidateQueries({ queryKey: ["queues"] }),
      ]),
  });
}
