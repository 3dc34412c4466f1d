import type { HarakaOptions } from '../support/haraka'

/** Builds that fall for what the model is there to find. */
export const CONTROLS: Readonly<Record<string, NonNullable<HarakaOptions['install']>>> = {}
