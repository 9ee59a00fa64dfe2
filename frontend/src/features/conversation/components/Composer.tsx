import { ActionIcon, Kbd, Textarea, Tooltip } from "@mantine/core";
import { IconArrowUp, IconPlayerStopFilled } from "@tabler/icons-react";
import { type KeyboardEvent, useEffect, useRef } from "react";
import { BriefButton } from "../../../components/page/BriefButton";
import { useOffline } from "../../../live/hooks";
import classes from "./Composer.module.css";

interface Props {
  text: string;
  onText(text: string): void;
  onSend(text: string): void;
  placeholder: string;
  /** Stops what runs; absent when nothing does. */
  onStop?: (() => void) | undefined;
  isStopping?: boolean;
  /** Why nothing can be sent, beside the connection. */
  blocked?: string | null;
  autoFocus?: boolean;
}

/** Where one writes: ⏎ sends, ⇧⏎ begins a line, Esc stops the run. */
export function Composer(props: Props) {
  const { text, onText, onSend, placeholder, onStop, isStopping = false, blocked = null, autoFocus = false } = props;
  const field = useRef<HTMLTextAreaElement>(null);
  const offline = useOffline();
  const reason = offline ?? blocked;
  const canSend = text.trim() !== "" && reason === null;
  useEffect(() => {
    if (autoFocus && matchMedia("(hover: hover)").matches) field.current?.focus();
  }, [autoFocus]);

  const send = () => {
    if (!canSend) return;
    onSend(text.trim());
    onText("");
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "Enter" && !event.shiftKey && !event.nativeEvent.isComposing) {
      event.preventDefault();
      send();
    } else if (event.key === "Escape") {
      if (onStop && !isStopping) onStop();
      else field.current?.blur();
    }
  };

  return (
    <div className={classes.frame}>
      <div className={classes.box}>
        <Textarea
          ref={field}
          variant="unstyled"
          autosize
          minRows={1}
          maxRows={12}
          className={classes.field ?? ""}
          value={text}
          placeholder={placeholder}
          aria-label="Message"
          onChange={(event) => onText(event.currentTarget.value)}
          onKeyDown={onKeyDown}
        />
        <div className={classes.row}>
          <span className={classes.hint} role="status">
            {reason ?? (
              <>
                <Kbd>⏎</Kbd> send <Kbd>⇧⏎</Kbd> new line
              </>
            )}
          </span>
          {onStop && (
            <BriefButton
              name={isStopping ? "Stopping" : "Stop"}
              sign={<IconPlayerStopFilled size={11} aria-hidden="true" />}
              disabled={isStopping || offline !== null}
              rightSection={isStopping ? null : <Kbd>Esc</Kbd>}
              className={classes.stop ?? ""}
              onClick={onStop}
            />
          )}
          <Tooltip label={reason ?? "Send"}>
            <ActionIcon
              variant="filled"
              className={classes.send ?? ""}
              aria-label="Send"
              data-idle={!canSend}
              aria-disabled={!canSend}
              onClick={send}
            >
              <IconArrowUp size={14} stroke={2} />
            </ActionIcon>
          </Tooltip>
        </div>
      </div>
    </div>
  );
}
