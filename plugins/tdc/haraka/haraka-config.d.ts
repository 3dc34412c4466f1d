/** What is used of haraka-config, which has no types of its own. */
declare module 'haraka-config' {
  import type { HarakaConfig } from './types'

  const config: HarakaConfig & {
    /** The same over the files of another server directory. */
    module_config(serverDirectory: string): HarakaConfig
  }
  export default config
}
