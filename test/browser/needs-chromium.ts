import { need } from '../support/needs'

need('test:page', 'chromium', 'chromium')
