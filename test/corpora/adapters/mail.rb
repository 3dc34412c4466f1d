require 'mail'

source, target, wanted = ARGV
puts Mail::VERSION.version
Dir.glob(File.join(source, '*.eml')) do |path|
  out = File.join(target, File.basename(path, '.eml'))
  begin
    text, attached = Mail.new(File.binread(path)).parts
    original = attached.body.raw_source
    File.binwrite("#{out}.text", text.body.decoded)
    File.binwrite("#{out}.original", original)
    fields = Mail.new(original).header_fields.select { |field| field.name.casecmp?(wanted) }
    File.binwrite("#{out}.client", fields.map { |field| field.value.to_s.strip }.join("\n"))
  rescue StandardError => error
    File.write("#{out}.error", error.inspect)
  end
end
