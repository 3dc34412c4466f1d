# perl-readers.pl READER NAME: see readers.ts.
use strict;
use warnings;
use JSON::PP;
use MIME::Base64;

my ($reader, $name) = @ARGV;
my %readers = (
    'Email::MIME' => sub {
        require Email::MIME;
        return sub {
            my $message = Email::MIME->new($_[0]);
            return ([$message->header($name)], scalar $message->header_str('Subject'));
        };
    },
    'MIME::Parser' => sub {
        require MIME::Parser;
        require Encode;
        my $parser = MIME::Parser->new;
        $parser->output_to_core(1);
        $parser->tmp_to_core(1);
        return sub {
            my $head = $parser->parse_data($_[0])->head;
            my $subject = $head->get('Subject');
            chomp $subject if defined $subject;
            return ([$head->get_all($name)], defined $subject ? Encode::decode('MIME-Header', $subject) : undef);
        };
    },
);
my $read = $readers{$reader}->();
local $SIG{__WARN__} = sub { };
$| = 1;
while (my $line = <STDIN>) {
    my ($values, $subject) = eval { $read->(decode_base64($line)) };
    my $answer = $@ ? { error => "$@" } : { values => $values, subject => $subject };
    print JSON::PP->new->ascii->encode($answer), "\n";
}
