import java.sql.*;
import java.util.*;

/** What BI tools on the JVM ask by the driver. Arguments: URL, user; the password is in PGPASSWORD. */
public class Jdbc {
    static List<String> names(ResultSet rows, String column) throws SQLException {
        List<String> names = new ArrayList<>();
        while (rows.next()) names.add(rows.getString(column));
        return names;
    }

    static void require(boolean holds, Object what) {
        if (!holds) throw new AssertionError(String.valueOf(what));
    }

    public static void main(String[] arguments) throws Exception {
        Properties properties = new Properties();
        properties.put("user", arguments[1]);
        properties.put("password", Optional.ofNullable(System.getenv("PGPASSWORD")).orElse(""));
        properties.put("ApplicationName", "jdbc");
        try (Connection connection = DriverManager.getConnection(arguments[0], properties)) {
            DatabaseMetaData meta = connection.getMetaData();
            System.out.println(meta.getDatabaseProductName() + " " + meta.getDatabaseProductVersion());
            List<String> tables = names(meta.getTables(null, "public", "%", new String[] {"TABLE", "VIEW"}), "TABLE_NAME");
            require(tables.contains("turns") && tables.contains("messages"), tables);
            List<String> columns = names(meta.getColumns(null, "public", "turns", "%"), "COLUMN_NAME");
            require(columns.contains("nrt_ms"), columns);
            require(names(meta.getSchemas(), "TABLE_SCHEM").contains("public"), "schemas");
            require(!names(meta.getCatalogs(), "TABLE_CAT").isEmpty(), "catalogs");
            require(names(meta.getPrimaryKeys(null, "public", "turns"), "COLUMN_NAME").isEmpty(), "keys");
            names(meta.getImportedKeys(null, "public", "turns"), "FKCOLUMN_NAME");
            names(meta.getIndexInfo(null, "public", "turns", false, false), "INDEX_NAME");
            names(meta.getTypeInfo(), "TYPE_NAME");
            names(meta.getTableTypes(), "TABLE_TYPE");
            System.out.println("metadata: " + tables.size() + " tables, " + columns.size() + " columns of turns");
            connection.setReadOnly(true);
            connection.setAutoCommit(false);
            try (PreparedStatement statement = connection.prepareStatement("select value from generate_series(1, 20000) as s(value) order by 1")) {
                statement.setFetchSize(500);
                int rows = 0;
                try (ResultSet set = statement.executeQuery()) { while (set.next()) rows++; }
                require(rows == 20000, rows);
            }
            String sql = "select count(*) from messages where occurred_at >= ? and occurred_at < ? and sender_role <> ? and seq > ?";
            if (arguments.length > 2) try (PreparedStatement statement = connection.prepareStatement(sql)) {
                for (int round = 0; round < 7; round++) { // after five it is named and binary
                    statement.setTimestamp(1, Timestamp.valueOf("2001-01-01 00:00:00"));
                    statement.setObject(2, java.time.OffsetDateTime.parse("2100-01-01T00:00:00Z"));
                    statement.setString(3, "nobody");
                    statement.setLong(4, -1);
                    try (ResultSet set = statement.executeQuery()) {
                        require(set.next() && set.getLong(1) > 0, "rows of messages");
                        if (round == 0) System.out.println("messages: " + set.getLong(1));
                    }
                }
            }
            connection.commit();
        }
    }
}
