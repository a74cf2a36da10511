/** What to do instead of a command that earlier versions of ccr had; nothing for any other word. */
export function describeFormerCommand(word: string): string | undefined {
  const instead = INSTEAD.get(word)
  return instead && `there is no command '${word}'; ${instead}.`
}

const INSTEAD: ReadonlyMap<string, string> = new Map([
  ['ui', 'edit config.json in the home of ccr, which the router takes over as soon as it is saved'],
  ['statusline', '`ccr status` tells how the router is, and x-ccr-model in each answer which model gave it'],
  ['model', 'ask for one by `/model provider,model` inside Claude Code, or set `Router.default` in config.json'],
])
