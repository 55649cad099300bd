#!/usr/bin/ruby
# ruby.rb FOLDER: files of Ruby; see small.py.
require "fileutils"
require "yaml"

put = lambda do |form, name, data|
  FileUtils.mkdir_p("#{ARGV[0]}/#{form}")
  File.binwrite("#{ARGV[0]}/#{form}/#{name}", data)
end
$stdin.each_line do |line|
  name, key = line.split
  record = { "id" => 4711, "provider" => "stripe", "api_key" => key, "currency" => "eur" }
  put.("Ruby Marshal", name, Marshal.dump(record))
  put.("Ruby Marshal symbols", name, Marshal.dump({ provider: :stripe, api_key: key.b, live: true }))
  code = "API_KEY = #{key.inspect}\ndef call(path)\n  post(path, API_KEY, 'eur')\nend\n"
  put.("Ruby bytecode", name, RubyVM::InstructionSequence.compile(code).to_binary)
  put.("YAML folded", name, { "note" => "the production key is #{key} and replaces the one of last year, which is revoked now" }.to_yaml(line_width: 60))
end
