import { useMutation } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { useTitle } from "../../../components/page/useTitle";
import { Loading } from "../../../components/pictures/Loading";
import { asProblem } from "../../../http/problem";
import type { Session } from "../../../live/wire.gen";
import { logIn } from "../api/session";
import { codeIn } from "../loginCode";
import { GetIn } from "./GetIn";

interface Props {
  onLoggedIn(session: Session): void;
  /** The session ended while the console was in use. */
  ended: boolean;
}

/** Takes the code out of the address bar and trades it for a session; otherwise says how to get in. */
export function LoginPage({ onLoggedIn, ended }: Props) {
  useTitle("Log in");
  const [code] = useState(() => codeIn(location.hash));
  const tried = useRef(false);
  const login = useMutation({ mutationFn: logIn, onSuccess: onLoggedIn });
  const { mutate } = login;
  useEffect(() => {
    if (!code || tried.current) return;
    tried.current = true;
    // Gone from the address bar and the history before it is used: nobody copies it by accident.
    history.replaceState(history.state, "", location.pathname);
    mutate(code);
  }, [code, mutate]);
  if (login.isError) {
    const problem = asProblem(login.error);
    const retry = problem.status === 0 || problem.status >= 500;
    return <GetIn problem={problem} {...(retry && code ? { onRetry: () => mutate(code) } : {})} />;
  }
  if (code) return <Loading what="your session" />;
  return <GetIn ended={ended} />;
}
