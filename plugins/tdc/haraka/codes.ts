/** Haraka's hook return codes (haraka-constants 1.0). */
export const STOP = 901
export const DENY = 902
export const DENYSOFT = 903
export const DENYSOFTDISCONNECT = 905
export const OK = 906
export const DELAY = 908
