import { Button, Kbd, TextInput, UnstyledButton } from "@mantine/core";
import { IconCheck, IconCopy } from "@tabler/icons-react";
import { useState } from "react";
import { useNow } from "../../../clock/now";
import { TimeLeft } from "../../../components/marks/TimeLeft";
import { useCopy } from "../../../components/text/useCopy";
import { left } from "../../../format/duration";
import { epochMs } from "../../../format/moment";
import { useKeys } from "../../../keys/useKeys";
import type { JoinToken } from "../../../live/wire.gen";
import { useTokenNumber } from "../tokenNumber";
import classes from "./Join.module.css";

/** Names as the server takes them. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

interface Props {
  token: JoinToken & { asked_at: number };
  isUsed: boolean;
}

/** The one line to run, how long it is good for, and another one. */
export function JoinCommand({ token, isUsed }: Props) {
  const { copied, copy } = useCopy(token.command);
  const now = useNow();
  const expires = epochMs(token.expires_at);
  const rest = expires - now;
  const isGone = isUsed || rest <= 0;
  useKeys({ c: copy });
  return (
    <div>
      <div className={classes.command} data-gone={isGone || undefined}>
        <pre className={classes.line} data-testid="join-command">
          {token.command}
        </pre>
        <Button
          size="md"
          variant="filled"
          disabled={isGone}
          leftSection={copied ? <IconCheck size={14} stroke={1.5} /> : <IconCopy size={14} stroke={1.5} />}
          rightSection={<Kbd aria-hidden="true">c</Kbd>}
          onClick={copy}
        >
          {copied ? "Copied" : "Copy"}
        </Button>
      </div>
      <div className={classes.terms}>
        <span>{isUsed ? "used" : rest > 0 ? `single use, ${left(rest)} left` : "expired"}</span>
        {!isGone && <TimeLeft share={rest / (expires - token.asked_at)} />}
        <NextToken />
      </div>
    </div>
  );
}

/** Another token, for an agent that shall have this name, or any. */
function NextToken() {
  const next = useTokenNumber((state) => state.next);
  const [name, setName] = useState<string | null>(null);
  if (name === null) {
    return (
      <>
        <UnstyledButton className={classes.link} onClick={() => next("")}>
          new token
        </UnstyledButton>
        <UnstyledButton className={classes.link} onClick={() => setName("")}>
          name the agent
        </UnstyledButton>
      </>
    );
  }
  const isValid = NAME.test(name);
  return (
    <form
      className={classes.name}
      onSubmit={(event) => {
        event.preventDefault();
        if (isValid) next(name);
      }}
    >
      <TextInput
        autoFocus
        value={name}
        placeholder="my-first-agent"
        aria-label="Name of the agent"
        error={name !== "" && !isValid ? "letters, digits, . _ -" : null}
        onChange={(event) => setName(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === "Escape") setName(null);
        }}
      />
      <Button type="submit" disabled={!isValid}>
        New token
      </Button>
    </form>
  );
}
