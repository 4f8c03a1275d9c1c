package dev.bowline.cli;

import dev.bowline.tensor.Dtype;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/// The dtypes a model computes in, by the names config.json uses.
final class DtypeOption implements ITypeConverter<Dtype> {

    @Override
    public Dtype convert(String value) {
        for (Dtype dtype : Dtype.values()) {
            if (dtype.computes() && dtype.configName().equals(value)) {
                return dtype;
            }
        }
        throw new TypeConversionException("'%s' is not float32 or bfloat16".formatted(value));
    }
}
