using System.Collections.Immutable;
using System.Reflection.Emit;
using System.Reflection.Metadata;
using System.Reflection.Metadata.Ecma335;
using System.Reflection.PortableExecutable;

namespace Tests.Unit.House;

/// <summary>
/// Collects the types and members that a type's fields, signatures, bases and method bodies name, as full names.
/// </summary>
internal sealed class ReferenceCollector(PEReader file, MetadataReader metadata)
    : ISignatureTypeProvider<int, object?>
{
    private static readonly Dictionary<int, OpCode> OpCodesByValue = typeof(OpCodes).GetFields()
        .Select(field => (OpCode)field.GetValue(null)!)
        .ToDictionary(code => code.Value & 0xffff);

    public HashSet<string> Types { get; } = [];

    public HashSet<string> Members { get; } = [];

    public void Collect(TypeDefinition type)
    {
        AddToken(type.BaseType);
        foreach (InterfaceImplementationHandle handle in type.GetInterfaceImplementations())
        {
            AddToken(metadata.GetInterfaceImplementation(handle).Interface);
        }

        foreach (FieldDefinitionHandle handle in type.GetFields())
        {
            _ = metadata.GetFieldDefinition(handle).DecodeSignature(this, null);
        }

        foreach (MethodDefinitionHandle handle in type.GetMethods())
        {
            MethodDefinition method = metadata.GetMethodDefinition(handle);
            _ = method.DecodeSignature(this, null);
            if (method.RelativeVirtualAddress != 0)
            {
                CollectBody(file.GetMethodBody(method.RelativeVirtualAddress));
            }
        }
    }

    private void CollectBody(MethodBodyBlock body)
    {
        if (!body.LocalSignature.IsNil)
        {
            _ = metadata.GetStandaloneSignature(body.LocalSignature).DecodeLocalSignature(this, null);
        }

        BlobReader code = body.GetILReader();
        while (code.RemainingBytes > 0)
        {
            int value = code.ReadByte();
            OpCode opCode = OpCodesByValue[value == 0xfe ? 0xfe00 | code.ReadByte() : value];
            switch (opCode.OperandType)
            {
                case OperandType.InlineField or OperandType.InlineMethod or OperandType.InlineTok or OperandType.InlineType:
                    AddToken(MetadataTokens.EntityHandle(code.ReadInt32()));
                    break;
                case OperandType.InlineSwitch:
                    int targets = code.ReadInt32(); // moves the offset itself
                    code.Offset += 4 * targets;
                    break;
                default:
                    code.Offset += SizeOf(opCode.OperandType);
                    break;
            }
        }
    }

    private static int SizeOf(OperandType operand) => operand switch
    {
        OperandType.InlineNone => 0,
        OperandType.ShortInlineBrTarget or OperandType.ShortInlineI or OperandType.ShortInlineVar => 1,
        OperandType.InlineVar => 2,
        OperandType.InlineI8 or OperandType.InlineR => 8,
        _ => 4,
    };

    private void AddToken(EntityHandle handle)
    {
        if (handle.IsNil)
        {
            return;
        }

        switch (handle.Kind)
        {
            case HandleKind.TypeReference:
                Types.Add(NameOf((TypeReferenceHandle)handle));
                break;
            case HandleKind.TypeDefinition:
                Types.Add(NameOf((TypeDefinitionHandle)handle));
                break;
            case HandleKind.TypeSpecification:
                _ = metadata.GetTypeSpecification((TypeSpecificationHandle)handle).DecodeSignature(this, null);
                break;
            case HandleKind.MemberReference:
                AddMember(metadata.GetMemberReference((MemberReferenceHandle)handle));
                break;
            case HandleKind.MethodSpecification:
                MethodSpecification method = metadata.GetMethodSpecification((MethodSpecificationHandle)handle);
                _ = method.DecodeSignature(this, null);
                AddToken(method.Method);
                break;
            case HandleKind.MethodDefinition:
                TypeDefinitionHandle owner = metadata.GetMethodDefinition((MethodDefinitionHandle)handle).GetDeclaringType();
                Types.Add(NameOf(owner));
                break;
            case HandleKind.FieldDefinition:
                Types.Add(NameOf(metadata.GetFieldDefinition((FieldDefinitionHandle)handle).GetDeclaringType()));
                break;
            default:
                break;
        }
    }

    private void AddMember(MemberReference member)
    {
        AddToken(member.Parent);
        if (member.Parent.Kind == HandleKind.TypeReference)
        {
            Members.Add($"{NameOf((TypeReferenceHandle)member.Parent)}.{metadata.GetString(member.Name)}");
        }
    }

    private string NameOf(TypeReferenceHandle handle)
    {
        TypeReference type = metadata.GetTypeReference(handle);
        return type.ResolutionScope.Kind == HandleKind.TypeReference
            ? NameOf((TypeReferenceHandle)type.ResolutionScope)
            : $"{metadata.GetString(type.Namespace)}.{metadata.GetString(type.Name)}";
    }

    private string NameOf(TypeDefinitionHandle handle)
    {
        TypeDefinition type = metadata.GetTypeDefinition(handle);
        if (!type.GetDeclaringType().IsNil)
        {
            return NameOf(type.GetDeclaringType());
        }

        // What the compiler makes for itself has no namespace and belongs to whoever uses it.
        string space = metadata.GetString(type.Namespace);
        return $"{(space.Length == 0 ? "System" : space)}.{metadata.GetString(type.Name)}";
    }

    public int GetTypeFromReference(MetadataReader reader, TypeReferenceHandle handle, byte rawTypeKind)
        => Add(NameOf(handle));

    public int GetTypeFromDefinition(MetadataReader reader, TypeDefinitionHandle handle, byte rawTypeKind)
        => Add(NameOf(handle));

    public int GetTypeFromSpecification(
        MetadataReader reader, object? genericContext, TypeSpecificationHandle handle, byte rawTypeKind)
        => reader.GetTypeSpecification(handle).DecodeSignature(this, genericContext);

    public int GetArrayType(int elementType, ArrayShape shape) => 0;

    public int GetByReferenceType(int elementType) => 0;

    public int GetFunctionPointerType(MethodSignature<int> signature) => 0;

    public int GetGenericInstantiation(int genericType, ImmutableArray<int> typeArguments) => 0;

    public int GetGenericMethodParameter(object? genericContext, int index) => 0;

    public int GetGenericTypeParameter(object? genericContext, int index) => 0;

    public int GetModifiedType(int modifier, int unmodifiedType, bool isRequired) => 0;

    public int GetPinnedType(int elementType) => 0;

    public int GetPointerType(int elementType) => 0;

    public int GetPrimitiveType(PrimitiveTypeCode typeCode) => 0;

    public int GetSZArrayType(int elementType) => 0;

    private int Add(string name)
    {
        Types.Add(name);
        return 0;
    }
}
