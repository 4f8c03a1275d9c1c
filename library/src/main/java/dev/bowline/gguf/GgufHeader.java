package dev.bowline.gguf;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/// The bytes of a GGUF file before its tensors' bytes, without the padding after them.
final class GgufHeader {

    private static final int VERSION = 3;

    /// The numbers of the types of values in a file.
    private static final int UINT32 = 4;

    private static final int INT32 = 5;
    private static final int FLOAT32 = 6;
    private static final int BOOL = 7;
    private static final int STRING = 8;
    private static final int ARRAY = 9;

    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();

    GgufHeader(GgufFile file) {
        bytes.writeBytes("GGUF".getBytes(StandardCharsets.US_ASCII));
        int32(VERSION);
        int64(file.tensors().size());
        int64(file.metadata().size());
        file.metadata().forEach((key, value) -> {
            text(key);
            value(value);
        });
        long offset = 0;
        for (GgufTensor tensor : file.tensors()) {
            text(tensor.name());
            int32(tensor.shape().size());
            tensor.shape().reversed().forEach(this::int64);
            int32(tensor.type().code());
            int64(offset);
            offset += GgufFile.padded(tensor.bytes());
        }
    }

    byte[] bytes() {
        return bytes.toByteArray();
    }

    private void value(GgufValue value) {
        switch (value) {
            case GgufValue.Text(String text) -> {
                int32(STRING);
                text(text);
            }
            case GgufValue.Unsigned(long number) -> {
                int32(UINT32);
                int32((int) number);
            }
            case GgufValue.Real(float number) -> {
                int32(FLOAT32);
                int32(Float.floatToRawIntBits(number));
            }
            case GgufValue.Flag(boolean flag) -> {
                int32(BOOL);
                bytes.write(flag ? 1 : 0);
            }
            case GgufValue.Texts texts -> {
                array(STRING, texts.values().size());
                texts.values().forEach(this::text);
            }
            case GgufValue.Integers integers -> {
                array(INT32, integers.values().size());
                integers.values().forEach(this::int32);
            }
            case GgufValue.Reals reals -> {
                array(FLOAT32, reals.values().size());
                reals.values().forEach(number -> int32(Float.floatToRawIntBits(number)));
            }
        }
    }

    private void array(int type, int length) {
        int32(ARRAY);
        int32(type);
        int64(length);
    }

    private void text(String text) {
        byte[] encoded = text.getBytes(StandardCharsets.UTF_8);
        int64(encoded.length);
        bytes.writeBytes(encoded);
    }

    private void int32(int value) {
        bytes.writeBytes(ByteBuffer.allocate(Integer.BYTES)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putInt(value)
                .array());
    }

    private void int64(long value) {
        bytes.writeBytes(ByteBuffer.allocate(Long.BYTES)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(value)
                .array());
    }
}
