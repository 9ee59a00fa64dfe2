import { useMutation } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import { useTitle } from "../../../components/page/useTitle";
import { Loading } from "../../../components/pictures/Loading";
import { asProblem } from "../../../http/problem";
import type { Session } from "../../../live/wire.gen";
import { logIn } from "../api/session";
import { codeIn } from "../loginCode";
import { GetIn } from "./GetIn";

/** What a code means that cannot be one. */
const INCOMPLETE = { title: "This link is not complete", detail: "A part of it was lost on its way here." };

interface Props {
  /** The part of the address after #; it changes when a link is opened while this page is shown. */
  fragment: string;
  onLoggedIn(session: Session): void;
  /** The session ended while the console was in use. */
  ended: boolean;
}

/** Takes the code out of the address bar and trades it for a session; otherwise says how to get in. */
export function LoginPage({ fragment, onLoggedIn, ended }: Props) {
  useTitle("Log in");
  const tried = useRef<string | null>(null);
  const login = useMutation({ mutationFn: logIn, onSuccess: onLoggedIn });
  const { mutate } = login;
  const code = codeIn(fragment);
  useEffect(() => {
    if (!code || tried.current === code) return;
    tried.current = code;
    // Gone from the address bar and the history before it is used: nobody copies it by accident.
    history.replaceState(history.state, "", location.pathname);
    mutate(code);
  }, [code, mutate]);
  if (login.isError) {
    const told = asProblem(login.error);
    const problem = told.reason === "invalid_request" ? { ...told, ...INCOMPLETE } : told;
    const again = tried.current;
    const retry = again && (problem.status === 0 || problem.status >= 500) ? () => mutate(again) : undefined;
    return <GetIn problem={problem} onRetry={retry} />;
  }
  if (code || login.isPending || login.isSuccess) return <Loading what="your session" />;
  return <GetIn ended={ended} />;
}
