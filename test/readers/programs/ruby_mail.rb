# ruby_mail.rb READER NAME: see readers.ts.
require 'json'
require 'mail'

name = ARGV[1]

def text(value)
  value.to_s.dup.force_encoding('UTF-8').scrub
end

$stdout.sync = true
puts JSON.generate(Mail::VERSION.version)
$stdin.each_line do |line|
  begin
    message = Mail.new(line.unpack1('m'))
    found = message.header.fields.select { |field| field.name.to_s.casecmp?(name) }
    answer = { values: found.map { |field| text(field.value) }, subject: message.subject && text(message.subject) }
    first, attached = message.parts
    answer[:text] = text(first.body.decoded) if first
    answer[:original] = [attached.body.raw_source].pack('m0') if attached
  rescue StandardError => error
    answer = { error: text(error) }
  end
  puts JSON.generate(answer)
end
