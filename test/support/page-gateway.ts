import { HTTP_INI, httpPort } from './http-client'
import { MailPath, type MailPathOptions } from './mail-path'

export interface PageGateway {
  readonly path: MailPath
  readonly httpPort: number
}

/** A real Haraka that serves the status page, and everything around it. */
export async function startPageGateway(
  lines: readonly string[],
  options: MailPathOptions = {},
): Promise<PageGateway> {
  const path = await MailPath.start({
    ...options,
    sections: ['[status_page]', 'enabled=true', ...lines, ...(options.sections ?? [])],
    config: { 'http.ini': HTTP_INI, ...options.config },
  })
  return { path, httpPort: await httpPort(path.haraka) }
}
