# Every base vector of CVSS 2.0, 3.0 and 3.1 with its score, tab between. Exit status 77: cvss-suite is not installed.
begin
  require 'cvss_suite'
rescue LoadError
  exit 77
end

version3 = { 'AV' => %w[N A L P], 'AC' => %w[L H], 'PR' => %w[N L H], 'UI' => %w[N R], 'S' => %w[U C], 'C' => %w[H L N], 'I' => %w[H L N], 'A' => %w[H L N] }
version2 = { 'AV' => %w[L A N], 'AC' => %w[H M L], 'Au' => %w[M S N], 'C' => %w[N P C], 'I' => %w[N P C], 'A' => %w[N P C] }

{ '' => version2, 'CVSS:3.0/' => version3, 'CVSS:3.1/' => version3 }.each do |prefix, metrics|
  first, *rest = metrics.map { |name, values| values.map { |value| "#{name}:#{value}" } }
  first.product(*rest).each do |chosen|
    vector = prefix + chosen.join('/')
    puts "#{vector}\t#{CvssSuite.new(vector).base_score}"
  end
end
