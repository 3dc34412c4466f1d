use strict;
use warnings;
require './perl-reader.pm';
use MIME::Parser;

PerlReader::run($MIME::Parser::VERSION, sub {
    my ($octets, $wanted) = @_;
    my $parser = MIME::Parser->new;
    $parser->output_to_core(1);
    $parser->tmp_to_core(1);
    $parser->extract_nested_messages(0);
    my ($text, $attached) = $parser->parse_data($octets)->parts;
    my $original = $attached->bodyhandle->as_string;
    my $head = $parser->parse_data($original)->head;
    return ($text->bodyhandle->as_string, $original, $head->get_all($wanted));
});
