// The item in the status bar.

import { MarkdownString, StatusBarAlignment, ThemeColor, window, type StatusBarItem } from "vscode";

import { bar, type Bar } from "./bar";
import { hover, LINKED } from "./hover";
import type { Seen, Workspace } from "./state";

/** Behind what stands there anyway. On the right, a window that is too narrow would hide it first. */
const PRIORITY = -100;

export class StatusBar {
  private readonly item: StatusBarItem;
  private shown = "";
  private hovered = "";

  constructor() {
    this.item = window.createStatusBarItem("spend", StatusBarAlignment.Left, PRIORITY);
    this.item.name = "tokenguard";
  }

  show(seen: Seen, workspace: Workspace): void {
    const said = bar(seen, workspace);
    const key = JSON.stringify(said);
    if (key !== this.shown) this.draw(said);
    this.shown = key;
    const text = hover(seen, workspace, new Date());
    if (text !== this.hovered) this.item.tooltip = markdown(text);
    this.hovered = text;
    this.item.show();
  }

  dispose(): void {
    this.item.dispose();
  }

  private draw(said: Bar): void {
    this.item.text = said.text;
    this.item.accessibilityInformation = { label: said.spoken };
    this.item.command = said.command;
    this.item.color = color(said.level);
    this.item.backgroundColor = background(said.level);
  }
}

/** Editors allow two backgrounds; on those they choose the colour of the text themselves. */
function background(level: Bar["level"]): ThemeColor | undefined {
  if (level === "hard") return new ThemeColor("statusBarItem.errorBackground");
  if (level === "soft" || level === "waiting") return new ThemeColor("statusBarItem.warningBackground");
  return undefined;
}

function color(level: Bar["level"]): ThemeColor | undefined {
  return level === "info" || level === "warn" ? new ThemeColor(`tokenguard.${level}`) : undefined;
}

function markdown(text: string): MarkdownString {
  const made = new MarkdownString(text, true);
  made.isTrusted = { enabledCommands: LINKED };
  return made;
}
