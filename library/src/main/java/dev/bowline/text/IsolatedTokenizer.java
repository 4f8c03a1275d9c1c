package dev.bowline.text;

import dev.bowline.BowlineException;
import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/// The process behind [TokenizerProcess]: answers requests on its standard input until that ends.
///
/// A request is a kind and its payload, an answer is `true` and the result, or `false` and a problem and its fix.
final class IsolatedTokenizer {

    /// The kind of a request.
    enum Request {
        ENCODE,
        DECODE_SKIPPING,
        DECODE_WRITING
    }

    private final DataInputStream in;
    private final DataOutputStream out;

    private IsolatedTokenizer(DataInputStream in, DataOutputStream out) {
        this.in = in;
        this.out = out;
    }

    /// @param arguments the tokenizer.json
    public static void main(String[] arguments) throws IOException {
        DataOutputStream answers =
                new DataOutputStream(new BufferedOutputStream(new FileOutputStream(FileDescriptor.out)));
        // A library that prints must not write between answers.
        System.setOut(System.err);
        DataInputStream requests = new DataInputStream(new BufferedInputStream(System.in));
        new IsolatedTokenizer(requests, answers).serve(Path.of(arguments[0]));
    }

    private void serve(Path file) throws IOException {
        TokenizerEngine engine;
        try {
            engine = NativeTokenizerEngine.open(file);
        } catch (BowlineException e) {
            refuse(e);
            return;
        }
        out.writeBoolean(true);
        out.flush();
        try (engine) {
            for (int request = in.read(); request >= 0; request = in.read()) {
                try {
                    answer(engine, Request.values()[request]);
                } catch (BowlineException e) {
                    refuse(e);
                }
                out.flush();
            }
        }
    }

    private void answer(TokenizerEngine engine, Request request) throws IOException {
        switch (request) {
            case ENCODE -> write(engine.encode(readText(in)));
            case DECODE_SKIPPING -> write(engine.decode(readIds(in), TokenizerEngine.SpecialTokenText.SKIPPED));
            case DECODE_WRITING -> write(engine.decode(readIds(in), TokenizerEngine.SpecialTokenText.WRITTEN));
        }
    }

    private void refuse(BowlineException e) throws IOException {
        out.writeBoolean(false);
        writeText(out, e.problem());
        writeText(out, e.fix());
        out.flush();
    }

    private void write(TokenizerEngine.Encoded encoded) throws IOException {
        out.writeBoolean(true);
        out.writeInt(encoded.ids().length);
        for (int i = 0; i < encoded.ids().length; i++) {
            out.writeLong(encoded.ids()[i]);
            out.writeInt(encoded.starts()[i]);
            out.writeInt(encoded.ends()[i]);
            writeText(out, encoded.tokens()[i]);
        }
    }

    private void write(String text) throws IOException {
        out.writeBoolean(true);
        writeText(out, text);
    }

    static TokenizerEngine.Encoded readEncoded(DataInputStream in) throws IOException {
        int length = in.readInt();
        var encoded =
                new TokenizerEngine.Encoded(new long[length], new int[length], new int[length], new String[length]);
        for (int i = 0; i < length; i++) {
            encoded.ids()[i] = in.readLong();
            encoded.starts()[i] = in.readInt();
            encoded.ends()[i] = in.readInt();
            encoded.tokens()[i] = readText(in);
        }
        return encoded;
    }

    static void writeText(DataOutputStream out, String text) throws IOException {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        out.writeInt(bytes.length);
        out.write(bytes);
    }

    static String readText(DataInputStream in) throws IOException {
        return new String(in.readNBytes(in.readInt()), StandardCharsets.UTF_8);
    }

    static void writeIds(DataOutputStream out, long[] ids) throws IOException {
        out.writeInt(ids.length);
        for (long id : ids) {
            out.writeLong(id);
        }
    }

    private static long[] readIds(DataInputStream in) throws IOException {
        long[] ids = new long[in.readInt()];
        for (int i = 0; i < ids.length; i++) {
            ids[i] = in.readLong();
        }
        return ids;
    }
}
