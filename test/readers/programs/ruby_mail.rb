# ruby_mail.rb READER NAME: see readers.ts.
require 'json'
require 'mail'

name = ARGV[1]

def text(value)
  value.to_s.dup.force_encoding('UTF-8').scrub
end

$stdout.sync = true
$stdin.each_line do |line|
  begin
    message = Mail.new(line.unpack1('m'))
    found = message.header.fields.select { |field| field.name.to_s.casecmp?(name) }
    answer = { values: found.map { |field| text(field.value) }, subject: message.subject && text(message.subject) }
  rescue StandardError => error
    answer = { error: text(error) }
  end
  puts JSON.generate(answer)
end
