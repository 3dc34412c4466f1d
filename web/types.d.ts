// Types of the comments in the scripts; the browser gets none of this.
export type { Found } from '../plugins/tdc/control/gathered'
export type { RowView, StatusView, TlsView } from '../plugins/tdc/web/status-view'
export type { MachineRow, MachinesView } from '../plugins/tdc/web/data'
