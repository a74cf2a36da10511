export * from 'typebox/format'
