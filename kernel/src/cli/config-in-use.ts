import { findRunning } from '../host/process/instance.ts'
import { readStartRecord } from './router/start-record.ts'

/** The config file that the running router was started with; nothing for the one in the home. */
export async function configInUse(home: string): Promise<string | undefined> {
  return (await findRunning(home)) === undefined ? undefined : readStartRecord(home)?.options.config
}
