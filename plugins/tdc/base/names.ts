/** The queue's destination name, whatever the intake address (spec 1.5). */
export const QUEUE_DOMAIN = 'the.tdc.queue'
