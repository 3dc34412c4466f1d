# perl-readers.pl READER NAME: see readers.ts.
use strict;
use warnings;
use Encode;
use JSON::PP;
use MIME::Base64;

my ($reader, $name) = @ARGV;
# Each gives its version, and a function: values, subject, text and original of a message.
my %readers = (
    'Email::MIME' => sub {
        require Email::MIME;
        return ($Email::MIME::VERSION, sub {
            my $message = Email::MIME->new($_[0]);
            my ($text, $attached) = $message->subparts;
            return ([$message->header($name)], scalar $message->header_str('Subject'),
                $text && $text->body, $attached && $attached->body);
        });
    },
    'MIME::Parser' => sub {
        require MIME::Parser;
        my $parser = MIME::Parser->new;
        $parser->output_to_core(1);
        $parser->tmp_to_core(1);
        $parser->extract_nested_messages(0);
        return ($MIME::Parser::VERSION, sub {
            my $message = $parser->parse_data($_[0]);
            my $subject = $message->head->get('Subject');
            chomp $subject if defined $subject;
            my ($text, $attached) = map { $_->bodyhandle && $_->bodyhandle->as_string } $message->parts;
            return ([$message->head->get_all($name)],
                defined $subject ? Encode::decode('MIME-Header', $subject) : undef, $text, $attached);
        });
    },
    'Mail::Message' => sub {
        require Mail::Message;
        return ($Mail::Message::VERSION, sub {
            my $message = Mail::Message->read($_[0]);
            my ($text, $attached) = $message->isMultipart ? $message->parts : ();
            my $original = $attached && $attached->body->isNested ? $attached->body->nested->string : undef;
            return ([map { $_->unfoldedBody } $message->head->get($name)], undef,
                defined $original ? $text->decoded->string : undef, $original);
        });
    },
);
my ($version, $read) = $readers{$reader}->();
local $SIG{__WARN__} = sub { };
$| = 1;
my $json = JSON::PP->new->ascii->allow_nonref;
print $json->encode("$version"), "\n";
while (my $line = <STDIN>) {
    my ($values, $subject, $text, $original) = eval { $read->(decode_base64($line)) };
    if ($@) { print $json->encode({ error => "$@" }), "\n"; next }
    my $answer = { values => $values, subject => $subject };
    # Some give characters, others octets.
    $answer->{text} = $text =~ /[^\0-\xff]/ ? $text : Encode::decode('UTF-8', $text) if defined $text;
    utf8::encode($original) if defined $original && $original =~ /[^\0-\xff]/;
    $answer->{original} = encode_base64($original, '') if defined $original;
    print $json->encode($answer), "\n";
}
