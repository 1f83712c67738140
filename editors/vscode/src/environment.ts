// The addresses that `tokenguard env --write` gives to terminals, given to the other extensions as well: Roo Code, and
// whatever else has its provider's own SDK find the address, looks for it in the environment.

/** Which of the variables in `terminal.integrated.env` are the addresses of a program on this machine. */
export function addresses(terminal: unknown): Map<string, string> {
  const found = Object.entries(terminal ?? {}).filter(([name, value]) => NAME.test(name) && isHere(value));
  return new Map(found as [string, string][]);
}

const NAME = /^[A-Z][A-Z0-9_]*_(BASE_URL|API_BASE)$/;

/** Keys go to this address: it must not be anybody else's, whatever the settings say. */
function isHere(value: unknown): boolean {
  const url = typeof value === "string" && URL.canParse(value) ? new URL(value) : undefined;
  return url?.protocol === "http:" && ["127.0.0.1", "[::1]", "localhost"].includes(url.hostname);
}

/** The environment that all extensions share. */
export class Environment {
  private given = new Map<string, string>();

  constructor(private readonly env: NodeJS.ProcessEnv) {}

  /** These and no others of ours; what somebody else has set stays as it is. */
  give(wanted: ReadonlyMap<string, string>): void {
    for (const [name, value] of this.given) if (this.env[name] === value) delete this.env[name];
    this.given = new Map([...wanted].filter(([name]) => this.env[name] === undefined));
    for (const [name, value] of this.given) this.env[name] = value;
  }
}
