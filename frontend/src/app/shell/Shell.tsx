import { Outlet, useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { StatusBar } from "../../features/system/components/StatusBar";
import { useKeys } from "../../keys/useKeys";
import { Dialogs } from "../Dialogs";
import { useDialogs } from "../dialogStore";
import { Finder } from "./Finder";
import { KeySheet } from "./KeySheet";
import classes from "./Shell.module.css";
import { Sidebar } from "./Sidebar";
import { TabBar } from "./TabBar";

/** What stays while pages change: navigation, the status line, the finder, the dialogs. */
export function Shell() {
  const navigate = useNavigate();
  const [keysShown, setKeysShown] = useState(false);
  const openPush = useDialogs((state) => state.openPush);
  useKeys({
    "?": () => setKeysShown(true),
    "g f": () => void navigate({ to: "/fleet" }),
    "g c": () => void navigate({ to: "/conversations" }),
    "g q": () => void navigate({ to: "/queues" }),
    c: () => openPush(""),
  });
  return (
    <div className={classes.app}>
      <Sidebar />
      <main className={classes.main} id="main">
        <Outlet />
      </main>
      <TabBar />
      <StatusBar onKeys={() => setKeysShown(true)} />
      <Finder />
      <KeySheet opened={keysShown} onClose={() => setKeysShown(false)} />
      <Dialogs />
    </div>
  );
}
