import { Button } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { type RefObject, useEffect, useRef } from "react";
import { asProblem } from "../../../http/problem";
import { type ConversationData, withEarlier } from "../../../live/conversationData";
import { useLiveClient } from "../../../live/LiveProvider";
import { earlierEvents } from "../api/conversations";
import classes from "./Thread.module.css";

interface Props {
  data: ConversationData;
  box: RefObject<HTMLDivElement | null>;
}

/** The way to events before those that are known: they come when the reader scrolls up to here. */
export function Earlier({ data, box }: Props) {
  const client = useLiveClient();
  const mark = useRef<HTMLDivElement>(null);
  const { id } = data.view;
  const load = useMutation({
    mutationFn: () => earlierEvents(id, data.firstSeq),
    onSuccess: ({ items }) =>
      client.amend(`conversation:${id}`, (state) =>
        state.data?.kind === "conversation" ? { ...state, data: withEarlier(state.data, items) } : state,
      ),
  });
  const hasMore = data.firstSeq > 1;
  const { mutate, isPending, isError } = load;
  useEffect(() => {
    if (!hasMore || isPending || isError || !mark.current) return;
    const observer = new IntersectionObserver(
      (entries) => {
        if (entries.some((entry) => entry.isIntersecting)) mutate();
      },
      { root: box.current, rootMargin: "240px 0px 0px 0px" },
    );
    observer.observe(mark.current);
    return () => observer.disconnect();
  }, [hasMore, isPending, isError, mutate, box]);
  if (!hasMore) return null;
  return (
    <div ref={mark} className={classes.earlier}>
      {isError ? (
        <span>
          Earlier messages could not be read: {asProblem(load.error).detail}{" "}
          <Button size="xs" onClick={() => mutate()}>
            Try again
          </Button>
        </span>
      ) : (
        "reading earlier messages…"
      )}
    </div>
  );
}
