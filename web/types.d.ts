// Types of the comments in the scripts; the browser gets none of this.
export type { FoundView } from '../plugins/tdc/web/message-views'
export type { LostView } from '../plugins/tdc/web/past'
export type { RowView, StatusView, TlsView } from '../plugins/tdc/web/status-view'
export type { MachineRow, MachinesView } from '../plugins/tdc/web/data'
export type { SharedView } from '../plugins/tdc/queue/shared/shared-view'
export type { FailureGroup } from '../plugins/tdc/web/failures'

declare global {
  /** uplot.js, which the page loads before its own scripts. */
  const uPlot: typeof import('uplot')
}
