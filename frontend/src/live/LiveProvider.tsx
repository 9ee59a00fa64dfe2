import { createContext, type ReactNode, useContext, useEffect, useState } from "react";
import { request } from "../http/request";
import { LiveClient } from "./client";
import type { Socket, Surroundings } from "./connection";
import { newLiveStore } from "./store";
import type { WebSocketTicket } from "./wire.gen";

const browser: Surroundings = {
  ticket: async () => (await request.post<WebSocketTicket>("/api/v1/ws-tickets", { quiet401: true })).ticket,
  dial: () => new WebSocket(`${location.origin.replace(/^http/, "ws")}/ws`) as Socket,
  now: () => Date.now(),
  random: () => Math.random(),
};

const LiveContext = createContext<LiveClient | null>(null);

export function newLiveClient(): LiveClient {
  return new LiveClient(browser, newLiveStore());
}

/** The client that is connected while this part of the page is shown. */
export function useLiveClient(): LiveClient {
  const client = useContext(LiveContext);
  if (!client) throw new Error("There is no LiveProvider above.");
  return client;
}

export function LiveProvider({ children, given }: { children: ReactNode; given?: LiveClient }) {
  const [client] = useState(() => given ?? newLiveClient());
  useEffect(() => {
    const hurry = () => {
      if (document.visibilityState === "visible") client.hurry();
    };
    client.start();
    window.addEventListener("online", hurry);
    document.addEventListener("visibilitychange", hurry);
    return () => {
      client.stop();
      window.removeEventListener("online", hurry);
      document.removeEventListener("visibilitychange", hurry);
    };
  }, [client]);
  return <LiveContext value={client}>{children}</LiveContext>;
}
